"""`python -m tasks.evaluation evaluate NAME PATH`, `benchmark` and `gate`."""

from tasks.command import run_command
from tasks.evaluation.benchmark import benchmark
from tasks.evaluation.gate import gate
from tasks.evaluation.quality import evaluate

if __name__ == "__main__":
    run_command({"evaluate": evaluate, "benchmark": benchmark, "gate": gate})
