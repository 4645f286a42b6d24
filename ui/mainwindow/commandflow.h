// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"

#include <QObject>
#include <QPointer>

class QWidget;

namespace poolscope {

class ConfirmCommandDialog;
class ConfirmReclaimDialog;

/// From a wish to cancel, terminate or reclaim, through its confirmation, to the workspace.
class CommandFlow : public QObject
{
    Q_OBJECT
public:
    CommandFlow(Workspace& workspace, std::shared_ptr<SessionStore> store, QWidget* window);

    /// Why nothing can be sent now; empty where something can.
    static QString obstacle(const Transport& transport);
    void request(ActionVerb verb, const std::vector<SessionRow>& sessions, const Formatter& format);
    void requestReclaim(const std::vector<CheckoutKey>& checkouts);
    /// After the store took it.
    void apply(const Update& update);
    void setTransport(const Transport& transport);
    ConfirmCommandDialog* dialog() const;
    ConfirmReclaimDialog* reclaimDialog() const;

private:
    void closeAll();

    Workspace& workspace_;
    std::shared_ptr<SessionStore> store_;
    QWidget* window_;
    QPointer<ConfirmCommandDialog> dialog_;
    QPointer<ConfirmReclaimDialog> reclaim_;
};

} // namespace poolscope
