// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

namespace poolscope {

/// F1: what each key does, where.
class KeysDialog : public QDialog
{
    Q_OBJECT
public:
    explicit KeysDialog(QWidget* parent = nullptr);
};

/// The name, version and licences of this program and of what it stands on.
class AboutDialog : public QDialog
{
    Q_OBJECT
public:
    explicit AboutDialog(QWidget* parent = nullptr);
};

} // namespace poolscope
