// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/glyphs.h"

#include <QWidget>

#include <functional>
#include <vector>

namespace poolscope {

class Banner;

/// Above every page, with its margins: one line for what waits for the user, one for what is only
/// said. Of what is said the latest stands; of what waits nothing is lost: the newest is shown, and
/// behind it the one before, until each was taken up, dismissed or dropped.
class Notices : public QWidget
{
    Q_OBJECT
public:
    explicit Notices(QWidget* parent = nullptr);

    /// Its link dismisses it.
    void say(Severity severity, const QString& lead, const QString& text);
    void unsay();

    struct Offer
    {
        QString key; ///< one of the same key takes its place
        Severity severity = Severity::info;
        QString lead;
        QString text;
        QString link;
        std::function<void()> does; ///< once the link was pressed
    };
    void offer(Offer offer);
    /// What it waited for is no more.
    void drop(const QString& key);

    Banner& said() const { return *said_; }
    Banner& offered() const { return *offered_; }

private:
    void showNewest();
    void adjust();

    Banner* offered_;
    Banner* said_;
    std::vector<Offer> offers_; ///< the newest last
};

} // namespace poolscope
