"""What the routers' settings are: UCI files as documents, settings of policies, their merge.

This room decides which value every managed option has and what a UCI file looks like after
it was put there. It is pure: text and mappings in, text and mappings out. It may import the
standard library's text tools, and from Dusk the foundation, ``keys``, and of ``changelog`` what
reads the log's state; the fold there imports ``settings``, ``names`` and ``sealing`` in turn.

``syntax`` reads lines as libuci does, ``uci`` keeps a file as an editable document, ``names``
has keys and section addresses, ``settings`` the records of the log, ``text`` import and
export, ``variables`` the ``${name}`` of values, ``merge`` the layers, ``result`` the file that
comes out, ``selection`` which layers and variables a device has, ``device`` all of it from the log,
``origins`` why an option is what it is. ``sealing`` and ``revealing`` have secrets, ``drift`` and
``drift_told`` what a device's files say else, ``lifeline``, ``radios`` and ``way`` what a change does to
a device's way to the others.
"""
