"""Section `vectors`: teachers that are known by their vectors alone, and what all teachers have in common."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aml.params.networks import NetworkSettings, network_settings
from aml.params.reading import Within, section, setting


@dataclass(frozen=True)
class VectorSettings:
    """A teacher that is known by its vectors: made by any model, in files with the names of their images."""

    label: str
    folder: str  # on this machine: <set>.npy and <set>.txt
    components: Annotated[int, Within(1, 100_000)]  # of a vector
    # components below 0, which no student has that ends with GeM: an error; two for each, its positive and its negative
    # part; or as they are, for students that end with a whitening layer
    negative: Literal["refuse", "split", "keep"]
    queries: bool  # whether there are vectors of the test sets' queries, cropped to their boxes
    whitening: Literal["learned", "none"]  # from the vectors of the training set's whitening pairs; or as they are

    @property
    def dimension(self) -> int:
        """The dimension of its students' descriptors."""
        return 2 * self.components if self.negative == "split" else self.components


def vector_settings(values: dict, name: str) -> VectorSettings:
    """Return section `vectors.<name>`."""
    return setting(values, f"vectors.{name}", VectorSettings)


def teacher_settings(values: dict, name: str) -> NetworkSettings | VectorSettings:
    """Return a teacher of either kind; both have `label` and `dimension`, that of their students."""
    return vector_settings(values, name) if name in section(values, "vectors") else network_settings(values, name)


def all_dimensions(values: dict, teachers: list[str]) -> list[int]:
    """Return the dimensions of the teachers' students, in the teachers' order, each once."""
    return list(dict.fromkeys(teacher_settings(values, name).dimension for name in teachers))
