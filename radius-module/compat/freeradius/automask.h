/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debian 12's libfreeradius-dev installs an autoconf.h that includes this file, but not the file.
 * It is searched for last (-idirafter), so that an installed one is preferred. There is nothing to
 * mask: our sources see no PACKAGE_* of their own. */
