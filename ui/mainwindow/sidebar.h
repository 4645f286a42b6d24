// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "core/capture/workspace.h"
#include "ui/models/formatter.h"

#include <QWidget>

#include <map>

class QListWidget;
class QListWidgetItem;
class QLabel;
class QToolButton;

namespace poolscope {

/// Left of the page: pages with their counts, then targets with how they do. Narrow, it shows icons
/// and counts alone, the words as tooltips.
class Sidebar : public QWidget
{
    Q_OBJECT
public:
    explicit Sidebar(QWidget* parent = nullptr);

    void addPage(const QString& name, const QString& title, const QString& icon);
    void setCount(const QString& page, int count);
    void setCurrentPage(const QString& page);
    void setTargets(const Update& update, const Transport& transport, const Formatter& format);
    /// Between polls, as asked for when it was attached.
    void setInterval(TargetId target, Duration interval);
    void setNarrow(bool narrow);
    bool narrow() const { return narrow_; }
    /// What a target's row says, both lines.
    QString targetText(TargetId target) const;

signals:
    void pageChosen(const QString& page);
    void targetChosen(poolscope::TargetId target);
    void attachRequested();
    void detachRequested(poolscope::TargetId target);
    void sampleRequested();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void fillTarget(QListWidgetItem* item, const TargetSummary& target, const Update& update,
                    const Transport& transport, const Formatter& format);
    void showTargetMenu(const QPoint& at);
    void fit();

    QListWidget* pages_;
    QListWidget* targets_;
    QLabel* head_;
    QToolButton* attach_;
    std::map<TargetId, Duration> intervals_;
    bool live_ = false;
    bool narrow_ = false;
};

} // namespace poolscope
