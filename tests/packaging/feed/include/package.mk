# Says what a definition says, a line each: PACKAGE|WHAT|VALUE. What belongs to no package has an empty name.

WORDS:=TITLE SECTION CATEGORY SUBMENU URL DEPENDS USERID

define BuildPackage
$(foreach word,$(WORDS),$(eval $(word):=))
$(eval $(call Package/$(1)))
$(foreach word,$(WORDS),$(info $(1)|$(word)|$($(word))))
$(info $(1)|conffiles|$(strip $(Package/$(1)/conffiles)))
$(info $(1)|description|$(strip $(Package/$(1)/description)))
$(info $(1)|filespec|$(strip $(Py3Package/$(1)/filespec)))
endef

PLAIN:=PKG_NAME PKG_VERSION PKG_RELEASE PKG_LICENSE PKG_LICENSE_FILES PKG_HASH PKG_BUILD_DEPENDS PYPI_NAME PYPI_SOURCE_NAME \
	PYTHON3_PKG_BUILD_VARS TARGET_CFLAGS DUSK_SOURCE

.PHONY: say prepare install
say:
	$(foreach word,$(PLAIN),$(info |$(word)|$($(word))))@:

prepare:
	$(Build/Prepare)

# make install PACKAGE=… DEST=…
install:
	$(call Py3Package/$(PACKAGE)/install,$(DEST))
