"""The list of losses: names, constants, members, equations, without PyTorch."""

import pytest

from aml import losses
from tests import python
from tests.losses.test_losses import ALL, CONSTANTS


def test_the_list_of_losses():
    assert set(ALL) <= set(losses.known()) and losses.known() == sorted(losses.known())
    for name, constants in ALL.items():
        assert losses.constants(name) == {constant: type(value) for constant, value in constants.items()}
    assert losses.members("contr_plus") == ("self", "positive", "negatives")
    assert losses.members("reg") == ("self",)
    assert losses.members("rkd") == losses.members("dr") == ()
    equations = {"contr": 4, "contr_pos": 4, "contr_pos_self": 4, "triplet": 5, "ms": 6, "reg": 7, "rkd": 8, "dr": 9}
    assert {name: losses.equation(name) for name in CONSTANTS} == equations | {"contr_plus": 10}
    for function in (losses.load, losses.members, losses.constants, losses.equation):
        with pytest.raises(ValueError, match=r"^unknown loss 'contrastve'; known: .*contr, contr_plus, .*triplet"):
            function("contrastve")


def test_only_load_needs_torch():
    code = (
        "import sys; from aml import losses; "
        "print([losses.members(n) and losses.constants(n) for n in losses.known()]); assert 'torch' not in sys.modules"
    )
    python("-c", code, check=True)
