"""Labels beside pictures: `labels.csv`, `dataset.json`, or one folder for each class."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from sakuga.configs.labels import SYNONYMS, UNKNOWN, Attribute, LabelSchema
from sakuga.core.errors import UserError, nearest
from sakuga.core.table import UNKNOWN_MARKS, read_table
from sakuga.data.problem import Problem
from sakuga.data.sources import Source, common_folder, read_metadata

HAIR = ("aqua", "black", "blonde", "blue", "brown", "gray", "green", "orange", "pink", "purple", "red", "white")
EYES = ("aqua", "black", "blue", "brown", "gray", "green", "orange", "pink", "purple", "red", "yellow")

VOCABULARY = {"hair": HAIR, "eyes": EYES}
"""The known values of the usual attributes; others take whatever stands in the file."""

_MAX_VALUES = 1000


def missing_values(attribute: Attribute, labels: np.ndarray) -> list[str]:
    """Returns the values of an attribute that none of its labels, int64 `[N]`, has."""
    present = set(labels.tolist())
    return [value for i, value in enumerate(attribute.values) if i not in present]


def translated(labels: np.ndarray, known: LabelSchema, wanted: LabelSchema) -> np.ndarray:
    """Returns labels of one schema as labels of another, attributes and values matched by their names.

    Args:
        labels: int64 `[N, num_attributes]` of `known`, -1 where unknown.
        known: Their schema.
        wanted: The other schema.

    Returns:
        int64 `[N, num_attributes]` of `wanted`, -1 where unknown or where it has no such value.
    """
    rows = np.full((len(labels), len(wanted.attributes)), UNKNOWN, np.int64)
    columns = {attribute.name: i for i, attribute in enumerate(known.attributes)}
    for column, attribute in enumerate(wanted.attributes):
        if attribute.name in columns:
            values = known.attributes[columns[attribute.name]].values
            table = [attribute.values.index(v) if v in attribute.values else UNKNOWN for v in values]
            # The last entry answers for -1.
            rows[:, column] = np.array([*table, UNKNOWN])[labels[:, columns[attribute.name]]]
    return rows


class Packed(BaseModel):
    """What our archives keep under the key `sakuga` of `dataset.json`."""

    version: int = Field(1, ge=1, le=1)
    label_schema: LabelSchema
    pictures: list[tuple[str, str, list[int]]]  # name in the archive, original name, label numbers


@dataclass
class Annotations:
    """What is known about files, by name."""

    attributes: tuple[str, ...] = ()
    values: dict[str, tuple[str | None, ...]] = field(default_factory=dict)  # file -> one value an attribute
    schema: LabelSchema | None = None  # None: made of the values that occur
    original_names: dict[str, str] = field(default_factory=dict)
    by_folder: bool = False  # the folders are classes, if the pictures that turn out to be good lie so
    problems: list[Problem] = field(default_factory=list)

    def encode(self, files: Sequence[str]) -> tuple[LabelSchema, np.ndarray]:
        """Returns the schema and the labels of the files, int64 `[len(files), num_attributes]`, -1 where unknown.

        Raises:
            UserError: If an attribute has too many values to be one.
        """
        if self.by_folder:
            return _by_folder(files).encode(files)
        blank = (None,) * len(self.attributes)
        rows = [self.values.get(file, blank) for file in files]
        schema = self.schema or LabelSchema(
            attributes=tuple(
                Attribute(name=name, values=_in_order({row[i] for row in rows} - {None}))
                for i, name in enumerate(self.attributes)
            )
        )
        for attribute in schema.attributes:
            if len(attribute.values) > _MAX_VALUES:
                raise UserError(
                    f"The label {attribute.name!r} has {len(attribute.values)} different values, at most {_MAX_VALUES} "
                    "are possible: remove that column."
                )
        numbers = [{value: i for i, value in enumerate(a.values)} | {None: UNKNOWN} for a in schema.attributes]
        labels = [[number[value] for number, value in zip(numbers, row, strict=True)] for row in rows]
        return schema, np.array(labels, np.int64).reshape(len(files), len(numbers))

    def of_twins(self, kept: Sequence[str], twins: Sequence[tuple[str, str]]) -> list[str]:
        """Gives pictures that are kept the labels of exact duplicates, where they have none of their own.

        Args:
            kept: The files that are kept.
            twins: Files that are left out, in their order, and the same picture among `kept`.

        Returns:
            What to say of each file that is left out: whether its label was taken, or contradicts.
        """
        found = _by_folder([*kept, *(name for name, _ in twins)]) if self.by_folder else self
        blank = (None,) * len(found.attributes)
        told = []
        for name, twin in twins:
            theirs, ours = found.values.get(name, blank), found.values.get(twin, blank)
            found.values[twin] = tuple(b if a is None else a for a, b in zip(ours, theirs, strict=True))
            pairs = zip(found.attributes, ours, theirs, strict=True)
            wrong = [f"{a} {b}, not {c}" for a, b, c in pairs if b is not None and c is not None and b != c]
            taken = ", whose missing label it gives" if found.values[twin] != ours else ""
            told.append(taken + (f", but other labels ({'; '.join(wrong)})" if wrong else ""))
        return told

    def strays(self, files: Sequence[str]) -> list[Problem]:
        """Returns that folders are no classes, if that is so only for pictures beside them."""
        top = len(common_folder(files))
        beside = [name for name in files if "/" not in name[top:]]
        inside = [name for name in files if "/" in name[top:]]
        if not self.by_folder or not beside or not _by_folder(inside).attributes:
            return []
        others = f" with {len(beside) - 1:,} more" if len(beside) > 1 else ""
        return [Problem(beside[0], f"folders are not taken as classes: this picture{others} lies beside them")]


def annotate(source: Source, labels: Path | None = None) -> Annotations:
    """Reads what describes the files of a source: the given file, else its `labels.csv`, `dataset.json`, or folders.

    Raises:
        UserError: If a label file is unreadable or names none of the pictures.
    """
    document = source.metadata("dataset.json")
    found = Annotations() if document is None else _from_dataset_json(document, source)
    table = read_metadata(labels) if labels is not None else source.metadata("labels.csv")
    if table is not None:
        where = str(labels) if labels is not None else "labels.csv"
        return _from_csv(table, where, source, found.original_names)
    return found if document is not None else Annotations(by_folder=True)


def _from_csv(data: bytes, where: str, source: Source, original_names: dict[str, str]) -> Annotations:
    header, rows = read_table(data, where, "file", "file,hair,eyes")
    column = header.index("file")
    attributes = tuple(name for name in header if name != "file")
    found = Annotations(attributes=attributes, original_names=original_names)
    known = _names_by_any_name(source, original_names)
    matched = 0
    for row in rows:
        if len(row) != len(header):
            found.problems.append(Problem(where, f"bad line: {','.join(row)[:80]!r} has not {len(header)} columns"))
            continue
        name = row[column].strip().replace("\\", "/").removeprefix("./")
        file = known.get(name)
        if file is None:
            found.problems.append(Problem(name, f"label for a missing file: in {where}"))
            continue
        matched += 1
        if file in found.values:
            found.problems.append(Problem(name, f"labeled twice: in {where}, where the first line counts"))
            continue
        texts = [text for i, text in enumerate(row) if i != column]
        found.values[file] = tuple(
            _value(attribute, text, name, found.problems)
            for attribute, text in zip(found.attributes, texts, strict=True)
        )
    if not matched:
        example = source.names[0] if source.names else "a.png"
        raise UserError(
            f"{where} labels none of the {len(source.names)} files of {source.path}: its column `file` must hold names "
            f"such as {example}."
        )
    return found


def _names_by_any_name(source: Source, original_names: dict[str, str]) -> dict[str, str]:
    """Maps what a table may call a file to its name: the name, the one below the common folder, the original one."""
    top = len(common_folder(source.names))
    bad = [problem.file for problem in source.problems]
    return {
        **{original: name for name, original in original_names.items()},
        **{name[top:]: name for name in source.names},
        **{name: name for name in [*bad, *source.names]},
    }


def _value(attribute: str, text: str, file: str, problems: list[Problem]) -> str | None:
    value = text.strip().lower().removesuffix(f" {attribute}")
    value = SYNONYMS.get(value, value)
    if value in UNKNOWN_MARKS:
        return None
    vocabulary = VOCABULARY.get(attribute)
    if vocabulary and value not in vocabulary:
        problems.append(
            Problem(file, f"unknown label value: {value[:40]!r} for {attribute}, {nearest(value, vocabulary)}")
        )
        return None
    return value


def _from_dataset_json(data: bytes, source: Source) -> Annotations:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        return _unusable(f"unusable labels: not JSON ({error})")
    if not isinstance(document, dict) or "labels" not in document:
        return _unusable("unusable labels: it has no key `labels`, as NVIDIA's data sets have")
    if "sakuga" in document:
        try:
            return _from_packed(Packed.model_validate(document["sakuga"]), source)
        except (ValidationError, ValueError):
            return _unusable("unusable labels: its part `sakuga` is damaged or of a newer version")
    return _from_nvidia(document["labels"], source)


def _unusable(reason: str) -> Annotations:
    return Annotations(problems=[Problem("dataset.json", reason)])


def _from_packed(packed: Packed, source: Source) -> Annotations:
    schema = packed.label_schema
    found = Annotations(attributes=tuple(a.name for a in schema.attributes), schema=schema)
    present = set(source.names)
    for name, original, numbers in packed.pictures:
        if len(numbers) != len(schema.sizes) or any(
            not -1 <= n < k for n, k in zip(numbers, schema.sizes, strict=True)
        ):
            raise ValueError(name)
        if name not in present:
            found.problems.append(Problem(name, "label for a missing file: in dataset.json"))
            continue
        found.original_names[name] = original
        found.values[name] = tuple(
            None if n == UNKNOWN else a.values[n] for n, a in zip(numbers, schema.attributes, strict=True)
        )
    return found


def _from_nvidia(labels: Any, source: Source) -> Annotations:
    found = Annotations()
    if labels is None:
        return found
    top = common_folder(source.names)
    known = {**{name.removeprefix(top): name for name in source.names}, **{name: name for name in source.names}}
    try:
        pairs = {str(name).replace("\\", "/"): _class_of(label) for name, label in labels}
    except (TypeError, ValueError):
        return _unusable("unusable labels: not pairs of a name and a class, a number or a one-hot vector")
    classes = max(pairs.values(), default=UNKNOWN) + 1
    if classes:
        found.attributes = ("class",)
        found.schema = LabelSchema(attributes=(Attribute(name="class", values=tuple(map(str, range(classes)))),))
    for name, number in pairs.items():
        if name not in known:
            found.problems.append(Problem(name, "label for a missing file: in dataset.json"))
        elif classes:
            found.values[known[name]] = (None if number == UNKNOWN else str(number),)
    return found


def _class_of(label: Any) -> int:
    if isinstance(label, list):
        hot = [i for i, x in enumerate(label) if x]
        if len(hot) > 1 or any(label[i] != 1 for i in hot):
            raise ValueError("not one-hot")
        label = hot[0] if hot else UNKNOWN
    if type(label) is not int or not UNKNOWN <= label < 10**5:
        raise ValueError("not a class")
    return label


def _by_folder(files: Sequence[str]) -> Annotations:
    """One folder for each class: all pictures lie in two or more folders side by side, none beside or below them."""
    top = len(common_folder(files))
    folders = {name: name[top:].split("/")[:-1] for name in files}
    if any(len(parts) != 1 for parts in folders.values()) or len({parts[0] for parts in folders.values()}) < 2:
        return Annotations()
    return Annotations(attributes=("class",), values={name: (parts[0],) for name, parts in folders.items()})


def _in_order(values: set[str | None]) -> tuple[str, ...]:
    return tuple(sorted(value for value in values if value is not None))
