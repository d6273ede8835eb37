"""The page on a machine without LuCI (`dusk web`): the views of `luci-app`, on a small host of our own.

It decides who may ask (one login, one browser, no other site: A34), and carries what the views ask to
the control socket, by the same list of methods as LuCI's backend. It knows nothing of routers. It is
not on routers: LuCI serves the page there. It may import the client of the control socket from the
command line's room, and h11, which only who wants this page installs.
"""
