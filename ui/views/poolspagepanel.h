// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/panel.h"
#include "ui/views/poolspagerows.h"

class QFormLayout;
class QLabel;
class QScrollArea;

namespace poolscope {

class LinkButton;

/// What a pool says of itself: state, times, configuration in its own names. Plain text.
class PoolPanel : public Panel
{
    Q_OBJECT
public:
    explicit PoolPanel(QWidget* parent = nullptr);
    /// Null: none is selected.
    void show(const Pool* pool, const TargetSummary* target);

signals:
    /// To the page of the process itself, which a fleet's server scrapes.
    void attachWanted(const QString& target);

private:
    struct Section
    {
        SectionHead* head = nullptr;
        QFormLayout* form = nullptr;
        QLabel* none = nullptr;
        std::vector<std::pair<QLabel*, QLabel*>> rows;
    };
    Section makeSection(QWidget* content, const QString& title);
    void fill(Section& section, const PoolFacts& facts, const QString& none);

    SectionHead* head_;
    LinkButton* direct_;
    QString directTarget_;
    QScrollArea* scroll_;
    Section state_, times_, configuration_;
};

} // namespace poolscope
