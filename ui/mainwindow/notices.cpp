// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/notices.h"

#include "ui/theme/banner.h"
#include "ui/theme/theme.h"

#include <QVBoxLayout>

namespace poolscope {

Notices::Notices(QWidget* parent)
    : QWidget(parent)
    , offered_(new Banner(this))
    , said_(new Banner(this))
{
    const Theme& theme = Theme::current();
    const int margin = theme.scaled(metrics::pageMargin);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(margin, margin, margin, 0);
    rows->setSpacing(theme.scaled(8));
    rows->addWidget(offered_);
    rows->addWidget(said_);
    offered_->setClosable(true);
    said_->setLink(tr("Dismiss"));
    offered_->hide();
    said_->hide();
    hide();
    connect(said_, &Banner::linkActivated, this, &Notices::unsay);
    connect(offered_, &Banner::closed, this, [this] {
        offers_.pop_back();
        showNewest();
    });
    connect(offered_, &Banner::linkActivated, this, [this] {
        const Offer taken = std::move(offers_.back());
        offers_.pop_back();
        showNewest();
        taken.does();
    });
}

void Notices::say(Severity severity, const QString& lead, const QString& text)
{
    said_->setMessage(severity, lead, text);
    said_->show();
    adjust();
}

void Notices::unsay()
{
    said_->hide();
    adjust();
}

void Notices::offer(Offer offer)
{
    std::erase_if(offers_, [&](const Offer& before) { return before.key == offer.key; });
    offers_.push_back(std::move(offer));
    showNewest();
}

void Notices::drop(const QString& key)
{
    if (std::erase_if(offers_, [&](const Offer& offer) { return offer.key == key; }) > 0)
        showNewest();
}

void Notices::showNewest()
{
    if (!offers_.empty()) {
        const Offer& newest = offers_.back();
        offered_->setMessage(newest.severity, newest.lead, newest.text);
        offered_->setLink(newest.link);
    }
    offered_->setVisible(!offers_.empty());
    adjust();
}

void Notices::adjust()
{
    setVisible(!offered_->isHidden() || !said_->isHidden());
}

} // namespace poolscope
