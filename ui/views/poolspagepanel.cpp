// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/poolspagepanel.h"

#include "core/source/metricspools.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/views/linkbutton.h"

#include <QFormLayout>
#include <QLabel>
#include <QScrollArea>
#include <QStyle>
#include <QVBoxLayout>

namespace poolscope {

PoolPanel::PoolPanel(QWidget* parent)
    : Panel(parent)
{
    auto* const box = new QVBoxLayout(this);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    head_ = new SectionHead({}, this);
    box->addWidget(head_);
    scroll_ = new QScrollArea(this);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setWidgetResizable(true);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* const content = new QWidget;
    content->setAutoFillBackground(true);
    content->setBackgroundRole(QPalette::Base);
    auto* const sections = new QVBoxLayout(content);
    sections->setContentsMargins(0, 0, 0, 0);
    sections->setSpacing(0);
    state_ = makeSection(content, {});
    direct_ = new LinkButton(content);
    direct_->setObjectName(QStringLiteral("attachDirectly"));
    direct_->setWords(tr("Attach to its own page…"));
    direct_->hide();
    sections->addWidget(direct_, 0, Qt::AlignLeft);
    connect(direct_, &QPushButton::clicked, this, [this] { emit attachWanted(directTarget_); });
    times_ = makeSection(content, tr("Times"));
    configuration_ = makeSection(content, tr("Configuration"));
    configuration_.head->setCaption(tr("in its own names"));
    sections->addStretch(1);
    scroll_->setWidget(content);
    box->addWidget(scroll_, 1);
    setAccessibleName(tr("Pool details"));
}

PoolPanel::Section PoolPanel::makeSection(QWidget* content, const QString& title)
{
    Section section;
    auto* const box = static_cast<QVBoxLayout*>(content->layout());
    const int pad = Theme::current().scaled(metrics::panelPadding);
    if (!title.isEmpty()) {
        section.head = new SectionHead(title, content);
        box->addWidget(section.head);
    }
    section.none = new QLabel(content);
    section.none->setTextFormat(Qt::PlainText);
    section.none->setWordWrap(true);
    section.none->setProperty("role", QStringLiteral("caption"));
    setPadding(*section.none, {pad, Theme::current().scaled(8), pad, Theme::current().scaled(10)});
    box->addWidget(section.none);
    section.form = new QFormLayout;
    section.form->setContentsMargins(pad, Theme::current().scaled(8), pad,
                                     Theme::current().scaled(10));
    section.form->setHorizontalSpacing(Theme::current().scaled(8));
    section.form->setVerticalSpacing(Theme::current().scaled(4));
    section.form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    section.form->setRowWrapPolicy(QFormLayout::DontWrapRows);
    box->addLayout(section.form);
    return section;
}

/// Labels stay while there are as many: what one marks with the mouse is not lost with each update.
void PoolPanel::fill(Section& section, const PoolFacts& facts, const QString& none)
{
    while (section.rows.size() > facts.size()) {
        section.form->removeRow(section.form->rowCount() - 1);
        section.rows.pop_back();
    }
    while (section.rows.size() < facts.size()) {
        auto* const name = new QLabel;
        auto* const value = new QLabel;
        for (QLabel* const label : {name, value})
            label->setTextFormat(Qt::PlainText);
        name->setProperty("role", QStringLiteral("caption"));
        name->setMinimumWidth(Theme::current().scaled(104));
        value->setWordWrap(true);
        value->setTextInteractionFlags(Qt::TextSelectableByMouse);
        name->setBuddy(value);
        section.form->addRow(name, value);
        section.rows.emplace_back(name, value);
    }
    const QFont mono = Theme::current().mono(12);
    const QFont ui = Theme::current().ui();
    for (std::size_t i = 0; i < facts.size(); ++i) {
        const auto& [caption, words] = facts[i];
        const auto& [name, value] = section.rows[i];
        const bool missing = words == Formatter::notReported();
        if (value->text() == words && name->text() == caption)
            continue;
        name->setText(caption);
        value->setText(words);
        value->setAccessibleDescription(caption);
        value->setFont(missing ? ui : mono);
        value->setProperty("role", missing ? QStringLiteral("caption") : QString());
        value->style()->polish(value);
    }
    section.none->setText(none);
    section.none->setVisible(facts.empty());
}

void PoolPanel::show(const Pool* pool, const TargetSummary* target)
{
    scroll_->setVisible(pool != nullptr);
    if (!pool || !target) {
        head_->setTitle(tr("No pool is selected"));
        head_->setCaption({});
        return;
    }
    directTarget_ = familyOf(target->info) == TargetFamily::metrics
                        ? Formatter::line(direct_target_of(*pool), 2000)
                        : QString();
    direct_->setVisible(!directTarget_.isEmpty());
    // A tooltip guesses at rich text; escaped, the guess cannot matter.
    direct_->setToolTip(QStringLiteral("<span>%1</span>").arg(directTarget_.toHtmlEscaped()));
    const QString name = Formatter::line(pool->name.str(), 100);
    head_->setTitle(name.isEmpty() ? tr("pool without a name") : name);
    head_->setCaption(target->agent && !target->agent->agent.empty()
                          ? Formatter::line(target->agent->agent, 60)
                          : Formatter::line(target->info.name, 60));
    fill(state_, stateFacts(*pool), {});
    fill(times_, timeFacts(*pool), {});
    fill(configuration_, configurationFacts(*pool), tr("not reported"));
}

} // namespace poolscope
