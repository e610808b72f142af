"""The curves that training writes: files that DVC plots and figures read."""

from aml.pages.figures.training import LINES, read_curves
from stages.train import curves


def test_each_epoch_is_in_the_files_at_its_end(tmp_path):
    log = curves(tmp_path)
    for epoch in range(3):
        log({"epoch": epoch, "gem_p": 3.0} | {name: epoch / 3 + place for place, name in enumerate(LINES)})
        expected = {name: [past / 3 + place for past in range(epoch + 1)] for place, name in enumerate(LINES)}
        assert read_curves(tmp_path) == expected
    files = {path.name: path.read_bytes() for path in (tmp_path / "plots/metrics").iterdir()}
    assert set(files) == {f"{name}.tsv" for name in [*LINES, "gem_p"]}
    assert files["gem_p.tsv"] == b"step\tgem_p\n0\t3.0\n1\t3.0\n2\t3.0\n"
    assert files["train_loss.tsv"].splitlines()[2] == b"1\t0.3333333333333333"
