"""The commands: each is a module with its options, its call of the use case, and its view.

A module has ``app``, a Typer application with the command, or with a group and its commands. It is
imported only if its command is asked for: ``cfpy --help`` needs no more than this table.
"""

from __future__ import annotations

from collections.abc import Mapping

#: The commands in the order of the help, each with the first line of its own help. The module has
#: the same name.
COMMANDS: Mapping[str, str] = {
    "new": "Create a project from a pattern.",
    "dev": "Run the project locally, without a Cloudflare account.",
    "test": "Run the project's tests in the local runtime.",
    "wrangler": "Run the real wrangler, with the Node that cfpy includes.",
    "patterns": "List patterns; create, check and test your own.",
    "add": "Add a binding to a project: any Worker that wrangler deploys.",
    "update": "Update a project to the newest version of its pattern.",
    "diff": "Show how a project differs from its pattern.",
    "cost": "Show what a month costs on Cloudflare.",
    "up": "Provision and deploy: from a project to a live application.",
    "preview": "Create previews with data of their own; list and delete them.",
    "plan": "Compare the project with its Cloudflare account.",
    "provision": "Create the resources that are missing in the account.",
    "deploy": "Deploy the project, and check that it answers.",
    "promote": "Deploy the very code that another environment runs.",
    "rollback": "Give an earlier version all traffic again.",
    "status": "Show what the project has in its account.",
    "backup": "Back up the data of an environment, and restore it.",
    "data": "Copy a remote database into the local runtime.",
    "permissions": "List the permissions that a token needs.",
    "logs": "Show the live Worker's requests and logs as they arrive.",
    "destroy": "Delete the project's resources in its account.",
    "doctor": "Check Node, wrangler, the login and the project.",
    "env": "List, add or remove environments of a project.",
    "ci": "Write a project's CI, for GitHub or GitLab.",
    "adopt": "Use cfpy with a Worker that it did not create.",
}
