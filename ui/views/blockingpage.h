// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/views/treepage.h"

namespace poolscope {

/// Who waits for whom.
class BlockingPage : public TreePage
{
    Q_OBJECT
public:
    BlockingPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("blocking"); }
    QString title() const override { return tr("Blocking"); }
    QString iconName() const override { return QStringLiteral("blocking"); }

protected:
    void refresh(const Update& update) override;

private:
    std::optional<Timestamp> lastWaiter_;
};

} // namespace poolscope
