import pytest
import torch

import sakuga
from sakuga.core.errors import UserError


def test_python_imports_what_the_command_does(networks, persistent_pickle, layouts, tmp_path):
    generator, _ = networks(3)
    file = persistent_pickle(tmp_path / "n.pkl", G_ema=(layouts.reference_names(generator), {}))
    written = sakuga.import_model(file, tmp_path / "m.safetensors", labels=["cat", "dog", "fox"])
    model = sakuga.load(written.path, "cpu")
    assert (model.name, model.schema.attributes[0].values) == ("m", ("cat", "dog", "fox"))
    assert model.header.provenance["imported"]["file"] == "n.pkl"
    z, labels = torch.randn(2, model.z_dim), torch.tensor([[0], [2]])
    with torch.no_grad():
        assert torch.allclose(model.generator.mapping(z, labels), generator.mapping(z, labels), atol=1e-5)
    with pytest.raises(UserError, match="exists and is not overwritten"):
        sakuga.import_model(file, tmp_path / "m.safetensors")
    with pytest.raises(UserError, match=r"--labels names 1 classes"):
        sakuga.import_model(file, tmp_path / "o.safetensors", labels=["cat"])
