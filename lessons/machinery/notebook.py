"""Notebooks from lessons: jupytext gives the cells, nbclient runs them, and nothing of this machine stays inside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lessons.course import FOLDER, Lesson
from lessons.machinery.files import prepare_folder, write_whole
from lessons.machinery.run import QUICK
from tinyconv.errors import DataError

NOTEBOOKS = FOLDER.parent / "notebooks"
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
SECONDS = 600  # one cell at most


def write_notebook(lesson: Lesson, folder: Path = NOTEBOOKS, quick: bool = False) -> Path:
    """Generate, execute and write `folder`/NAME.ipynb; returns its path.

    Raises
    ------
    DataError
        The notebook tools are not installed, the folder cannot be written, or a cell of the lesson fails.
    """
    nbformat, nbclient = _tools()
    path = prepare_folder(folder, f"{lesson.name}.ipynb")
    notebook = source_notebook(lesson)
    environment = {**os.environ, QUICK: "1" if quick else "0", "PYTHONPATH": _import_path()}
    if folder == NOTEBOOKS:
        environment.pop("TINYCONV_DATA", None)  # what is committed shows embedded material only
    client = nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", record_timing=False,
                                     extra_arguments=["--IPKernelApp.log_level=40"],  # errors only
                                     resources={"metadata": {"path": str(folder)}})
    try:
        client.execute(env=environment)
    except nbclient.exceptions.CellExecutionError as error:
        raise DataError(f"notebook {lesson.name}: a cell failed: {error.ename}: {error.evalue}; "
                        f"see it with `python -m lessons run {lesson.number}`.") from None
    notebook.metadata = source_notebook(lesson).metadata  # what the kernel added tells about this machine
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    write_whole(path, nbformat.writes(notebook) + "\n")
    return path


def source_notebook(lesson: Lesson) -> Any:
    """The notebook before it runs: the lesson's cells, with names that depend on nothing but their place."""
    nbformat, _ = _tools()
    import jupytext

    notebook = nbformat.from_dict(jupytext.read(lesson.path, fmt="py:percent"))
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": LANGUAGE,
    })
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{lesson.number}-{number:02d}"
        cell.metadata = nbformat.NotebookNode()
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    """The outputs with neighbouring pieces of one stream joined: where the kernel cuts them is chance."""
    joined: list[Any] = []
    for output in outputs:
        if joined and output.output_type == "stream" == joined[-1].output_type and output.name == joined[-1].name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _tools() -> tuple[Any, Any]:
    try:
        import ipykernel  # noqa: F401 - the kernel that nbclient starts
        import jupytext  # noqa: F401
        import nbclient
        import nbformat
    except ModuleNotFoundError as error:
        raise DataError(f"notebooks need {error.name}, which is not installed: pip install \"tinyconv[notebooks]\"") from None
    return nbformat, nbclient


def _import_path() -> str:
    """PYTHONPATH for the kernel, so that it finds this tinyconv even where none is installed."""
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(FOLDER.parent), *([before] if before else [])])
