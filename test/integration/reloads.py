# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests do to a Postern that runs: other files, and clients from before and after."""

import pathlib

import yaml


def join(postern, identity, client_id, mqtt_version=5, **options):
    client = postern.client(mqtt_version, identity=identity, **options)
    assert client.connect(client_id).code == 0
    return client


def put(path, text):
    """As deployments do: a new file, moved to its place."""
    fresh = pathlib.Path(str(path) + ".new")
    fresh.write_text(text)
    fresh.rename(path)


def change(postern, edit):
    config = yaml.safe_load(postern.file.read_text())
    edit(config)
    put(postern.file, yaml.safe_dump(config))


def loads(postern):
    return postern.text.count("configuration loaded")
