"""The part ``artifacts`` of dvc.yaml, by which ``dvc artifacts get`` and GTO find the file of a released model."""

from io import StringIO
from pathlib import Path

from tasks.errors import VersioningError
from tasks.files import write_text


def name_artifact(root: Path, name: str, path: str) -> None:
    """Let dvc.yaml say which file is the model; comments and the rest of the file stay. Without a dvc.yaml, do nothing.

    Args:
        root: the project's folder.
        name: of the artifact.
        path: of the file, from there.

    Raises:
        VersioningError: dvc.yaml is no YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    file = root / "dvc.yaml"
    if not file.exists():
        return
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        graph = yaml.load(file.read_text(encoding="utf-8"))
        artifact = graph.setdefault("artifacts", {}).setdefault(name, {})
        if (artifact.get("path"), artifact.get("type")) == (path, "model"):
            return
        artifact.update(path=path, type="model")
    except (YAMLError, UnicodeDecodeError, AttributeError) as error:
        raise VersioningError(f"Expected {file} to be a dvc.yaml. Received: {error}") from None
    text = StringIO()
    yaml.dump(graph, text)
    write_text(file, text.getvalue())
