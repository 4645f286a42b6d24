// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/page.h"

#include "ui/views/actionspage.h"
#include "ui/views/alertspage.h"
#include "ui/views/blockingpage.h"
#include "ui/views/configurationpage.h"
#include "ui/views/datatable.h"
#include "ui/views/leakspage.h"
#include "ui/views/overviewpage.h"
#include "ui/views/poolspage.h"
#include "ui/views/sessionspage.h"
#include "ui/views/stackspage.h"

namespace poolscope {

void Page::focusContent()
{
    for (DataTable* const table : findChildren<DataTable*>()) {
        if (table->isVisibleTo(this)) {
            table->setFocus(Qt::ShortcutFocusReason);
            return;
        }
    }
    setFocus(Qt::ShortcutFocusReason); // not on what happens to come next, where Space would press
}

std::vector<Page*> makePages(ViewContext& context, const std::shared_ptr<SessionStore>& store,
                             QWidget* parent)
{
    return {new OverviewPage(context, store, parent), new PoolsPage(context, store, parent),
            new LeaksPage(context, store, parent),    new SessionsPage(context, store, parent),
            new BlockingPage(context, store, parent), new StacksPage(context, store, parent),
            new AlertsPage(context, store, parent),   new ConfigurationPage(context, store, parent),
            new ActionsPage(context, store, parent)};
}

} // namespace poolscope
