// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"

#include <QLineEdit>
#include <QPointer>

#include <memory>

class QListWidget;
class QListWidgetItem;

namespace poolscope {

/// Ctrl+K: one field that finds sessions (by pid, application, user, statement), pools, lines of
/// code that hold connections, pages and targets, with its answers in a list below it.
class Finder : public QLineEdit
{
    Q_OBJECT
public:
    Finder(std::shared_ptr<const SessionStore> store, QWidget* parent = nullptr);

    void addPage(const QString& name, const QString& title);
    QListWidget* list() const { return list_; }

signals:
    void pageChosen(const QString& page);
    void sessionChosen(const poolscope::SessionKey& session);
    void targetChosen(const QString& name);
    void poolChosen(poolscope::TargetId target, const poolscope::Text& pool);
    /// The oldest connection that is held at a line.
    void checkoutChosen(const poolscope::CheckoutKey& checkout);
    void filterChosen(const QString& text);
    /// By Esc, and nothing had the focus before that could have it again.
    void left();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    void search(const QString& text);
    void addPools(const QString& text);
    void addPlaces(const QString& text);
    void addSessions(const QString& text);
    QListWidgetItem* addAnswer(const QString& kind, const QString& value, const QString& icon,
                               const QString& text, TargetId target = {});
    void place();
    void choose();
    void leave();

    std::shared_ptr<const SessionStore> store_;
    std::vector<std::pair<QString, QString>> pages_;
    QListWidget* list_;
    QPointer<QWidget> before_; ///< had the focus
};

} // namespace poolscope
