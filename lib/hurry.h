/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A nice value below zero, for who works for microseconds at a time and is waited for. */
#ifndef LOGGIA_LIB_HURRY_H
#define LOGGIA_LIB_HURRY_H

/* Before privileges are dropped: only root may, and where systemd starts us it does this itself
 * (Nice=, CPUWeight=), and forbids it to us. Not being allowed is logged and no error. */
void hurry(int nice);

#endif
