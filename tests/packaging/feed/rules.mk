# What OpenWrt's rules.mk gives to the definitions of this feed.
INCLUDE_DIR:=$(TOPDIR)/include
PYTHON3_PKG_DIR:=/usr/lib/python3/site-packages
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
CP:=cp -fpR
ARCH?=aarch64
