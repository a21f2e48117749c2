"""Libraries that decide about results, with the versions that are installed."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version

MISSING = "not installed"

# By the names that are imported. What is imported under the name of its distribution needs no line.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "ai_edge_quantizer": "ai-edge-quantizer",
    "backports.zstd": "backports.zstd",
    "google.protobuf": "protobuf",
    "sklearn": "scikit-learn",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
}

# They carry, check or show what others computed: another version gives the same bytes, or an error.
CARRIERS = frozenset(
    {
        "boto3",
        "botocore",
        "cryptography",
        "google_crc32c",
        "jinja2",
        "markupsafe",
        "psutil",
        "pydantic",
        "rich",
        "ruamel",
        "threadpoolctl",
        "typing_extensions",
        "urllib3",
    }
)


def decides(name: str) -> bool:
    """Return whether a module, as it is imported, may decide about a result.

    Args:
        name: with dots.
    """
    return name.partition(".")[0] not in CARRIERS


def installed(name: str) -> tuple[str, str] | None:
    """Return the distribution that a module belongs to, and its version; None if it belongs to none.

    Args:
        name: of the module, as it is imported.
    """
    top = name.partition(".")[0]
    known = next((DISTRIBUTIONS[key] for key in DISTRIBUTIONS if f"{name}.".startswith(f"{key}.")), None)
    try:
        distribution = known or top
        return distribution, version(distribution)
    except PackageNotFoundError:
        others = packages_distributions().get(top)  # reads what all libraries installed: slow
        return (others[0], version(others[0])) if others else None
