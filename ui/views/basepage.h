// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/banner.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <memory>
#include <vector>

class QVBoxLayout;

namespace poolscope {

class DataTable;

/// What all pages share: margins, the banners of LOOK section 7, the store, selection, time zone.
class BasePage : public Page
{
    Q_OBJECT
public:
    BasePage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    int count() const override { return count_; }
    void apply(const Update& update) final;
    void setTransport(const Transport& transport) final;

protected:
    /// After the store took the update.
    virtual void refresh(const Update& update) = 0;
    virtual void transportChanged() {}
    virtual void zoneChanged() {}
    virtual void select(const std::optional<SessionKey>& session) { Q_UNUSED(session) }

    void showEvent(QShowEvent* event) override;
    void setCount(int count);
    Formatter format() const { return Formatter(context_.utc()); }
    std::vector<SessionRow> rowsOf(const std::vector<SessionKey>& keys) const;
    /// Sends what is selected to the window for confirmation, if nothing stands against it.
    void command(ActionVerb verb, const std::vector<SessionKey>& keys);
    /// C, K, B and the context menu of a table of sessions.
    void serveTable(DataTable* table);
    void goToBlocker(const SessionKey& session);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    Transport transport_;
    QVBoxLayout* layout_;

private:
    void updateBanners();
    void offerWorst();
    void showMenu(DataTable* table, const QPoint& at);
    Banner* banner(std::size_t at);

    QVBoxLayout* bannerBox_;
    std::vector<Banner*> banners_;
    int count_ = 0;
    bool offered_ = false;
};

} // namespace poolscope
