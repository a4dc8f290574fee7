from sakuga.core.errors import nearest


def test_near_names_are_offered():
    assert nearest("dcgan69", ["dcgan64", "dcgan96", "quick64"]) == "did you mean 'dcgan96' or 'dcgan64'?"
    assert nearest("loss.knd", ["loss.kind", "batch_size"]) == "did you mean 'loss.kind'?"


def test_all_names_are_offered_where_none_is_near():
    assert nearest("xyz", ["b", "a"]) == "known: a, b."
