from sakuga.core.errors import nearest


def test_near_names_are_offered():
    assert nearest("quik64", ["dcgan64", "dcgan96", "quick64"]) == "did you mean 'quick64'?"
    assert nearest("dcgan69", ["dcgan64", "dcgan96", "quick64"]) == "did you mean 'dcgan64' or 'dcgan96'?"
    assert nearest("loss.knd", ["loss.kind", "batch_size"]) == "did you mean 'loss.kind'?"


def test_names_that_are_far_beside_the_nearest_are_not_offered():
    assert nearest("condition", ["conditions", "truncation", "columns"]) == "did you mean 'conditions'?"


def test_a_last_part_is_enough():
    names = ["optimizer.d.lr", "optimizer.g.lr", "data.flip", "loss.kind"]
    assert nearest("lr", names) == "did you mean 'optimizer.d.lr' or 'optimizer.g.lr'?"
    assert nearest("g.flop", names) == "did you mean 'data.flip'?"


def test_all_names_are_told_where_none_is_near():
    assert nearest("xyz", ["b", "a"]) == "known: a, b."
    assert nearest("xyz", [f"{i:02}" for i in range(25)]).endswith("23, 24.")
    assert nearest("xyz", [f"{i:02}" for i in range(26)]).endswith("18, 19 and 6 more.")
    assert nearest("hair", []) == "there are none."
