// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/views/treepage.h"

namespace poolscope {

class ChartBoard;

/// Who waits for whom, and below it since when.
class BlockingPage : public TreePage
{
    Q_OBJECT
public:
    BlockingPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("blocking"); }
    QString title() const override { return tr("Blocking"); }
    bool ofServers() const override { return true; }
    QString iconName() const override { return QStringLiteral("blocking"); }

protected:
    void refresh(const Update& update) override;
    void transportChanged() override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    void arrange() override;
    void sayAnswer();
    QString linesFrom() const;

    ChartBoard* board_;
    std::optional<Timestamp> lastWaiter_;
    bool answered_ = false; ///< there is somebody to show
};

} // namespace poolscope
