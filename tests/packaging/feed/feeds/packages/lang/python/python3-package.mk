# Of the feed's file of this name, the definition of the package with sources.
define Py3Package
define Package/$(1)-src
$(call Package/$(1))
DEPENDS:=
USERID:=
endef
endef
