// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/poolscene.h"
#include "tests/views/pagefixture.h"
#include "ui/theme/elidedlabel.h"
#include "ui/views/datatable.h"
#include "ui/views/holderdetail.h"
#include "ui/views/leakspage.h"

#include <QItemSelectionModel>
#include <QLabel>
#include <QPushButton>

/// What tests of the leaks page ask of it.
namespace poolscope::support {

inline LeaksPage& leaks(const PageFixture& fixture)
{
    return static_cast<LeaksPage&>(fixture.show("leaks"));
}

inline QModelIndex top(LeaksPage& page, int row)
{
    return page.table().model()->index(row, 0);
}

inline void choose(LeaksPage& page, const QModelIndex& index)
{
    page.table().selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect |
                                                              QItemSelectionModel::Rows);
}

inline HolderDetail& detail(LeaksPage& page)
{
    return *page.findChild<HolderDetail*>();
}

inline QString label(LeaksPage& page, const char* name)
{
    if (const auto* const cut = page.findChild<ElidedLabel*>(QLatin1String(name)))
        return cut->text();
    return page.findChild<QLabel*>(QLatin1String(name))->text();
}

inline QPushButton* button(LeaksPage& page, const char* name)
{
    return page.findChild<QPushButton*>(QLatin1String(name));
}

} // namespace poolscope::support
