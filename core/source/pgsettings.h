// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/target.h"
#include "core/source/pgconnection.h"
#include "core/source/pgrows.h"

namespace poolscope {

/// What the server is set to, as far as it concerns who may connect and how long a session lives: a
/// row a setting, with scope (int4, see SettingScope), subject, name, value, unit. It leaves out
/// what our own session, role or database has set otherwise, for that says nothing of others. With
/// the limits of roles and databases, and what they have set otherwise.
PgStatement settings_statement();

/// What it answered; bounded, plain text.
ServerSettings read_server_settings(const PgRows& rows);

} // namespace poolscope
