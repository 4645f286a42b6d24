// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <functional>

class QBoxLayout;
class QDialog;
class QLabel;
class QMimeData;
class QPushButton;
class QWidget;

namespace poolscope::parts {

/// A label that shows every character as it is, selectable by mouse where `selectable`.
QLabel* label(const QString& text, QWidget* parent, const char* role = nullptr);
/// 15 px semibold: the question or the answer that a dialog is about.
QLabel* title(const QString& text, QWidget* parent);
/// A label in the monospace font.
QLabel* mono(const QString& text, QWidget* parent);
/// The line that parts a dialog's body from its foot.
QWidget* rule(QWidget* parent);
/// The foot of a dialog that asks: that line, Cancel, which rejects, and what Enter does.
void addFoot(QBoxLayout* layout, QDialog* dialog, QPushButton* primary);
/// Text for the clipboard. `secret`: clipboard managers are asked not to keep it.
QMimeData* copied(const QString& text, bool secret);
/// Puts the text onto the clipboard when the button is pressed, and says so on it for a moment.
void copies(QPushButton* button, std::function<QString()> text, bool secret = false);

} // namespace poolscope::parts
