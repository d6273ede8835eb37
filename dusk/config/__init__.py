"""What the routers' settings are: UCI files as documents, settings of policies, their merge.

This room decides which value every managed option has and what a UCI file looks like after
it was put there. It is pure: text and mappings in, text and mappings out. It may import the
standard library's text tools, and from Dusk only ``errors``, ``limits``, ``ids`` and ``codec``.

``syntax`` reads lines as libuci does, ``uci`` keeps a file as an editable document, ``names``
has keys and section addresses, ``settings`` the records of the log, ``text`` import and
export, ``variables`` the ``${name}`` of values, ``merge`` the layers, ``result`` the file that
comes out, ``selection`` which layers and variables a device has, ``device`` all of it from the log.
"""
