# Of the feed's file of this name our definitions use nothing but PYPI_NAME, which they set.
ifeq ($(PYPI_NAME),)
$(error pypi.mk without PYPI_NAME)
endif
