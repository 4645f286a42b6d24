// SPDX-License-Identifier: GPL-3.0-or-later
// The seam's own translation unit: its meta object lives here.
#include "core/source/source.h"

#include "moc_source.cpp"
