"""A metadata index of a Vectorize index, which is deleted with its index."""

from __future__ import annotations

from cfpy.account.plan import Action
from cfpy.account.wrangler import Wrangler
from cfpy.project.project import Project


def create(wrangler: Wrangler, project: Project, action: Action) -> None:
    index_name, _, name = action.name.partition("/")
    index = project.vectorize_index(index_name)
    [item] = [item for item in index.metadata_indexes if item.property == name]
    wrangler.create_metadata_index(index_name, item)
