// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"
#include "ui/models/treemodel.h"
#include "ui/views/rowdelegate.h"

#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace poolscope {

/// A pool by name.
struct PoolKey
{
    TargetId target;
    Text pool;
    friend bool operator==(const PoolKey&, const PoolKey&) = default;
    QString id() const;
};

enum class PoolTableColumn : int {
    pool,
    used,
    idle,
    pending,
    timeouts,
    wait,
    use,
    circuit,
    health
};

/// Of LeakSeverity: 2 nothing is left, or no acquire gets through; 1 it is near that.
int severityOf(const Pool& pool);

/// "20 of 20 in use, 4 wait, 7 acquires timed out"; what is not reported is left out.
QString poolWords(const Pool& pool);

/// The page's answer.
struct PoolsAnswer
{
    int severity = 0;
    QString sentence;
    QString rest;
    std::optional<PoolKey> worst; ///< of which it speaks
};
PoolsAnswer poolsAnswer(const SessionStore& store);

std::unique_ptr<TreeModel> makePoolModel(QObject* parent);
/// The worst first, then the fullest. `filter` narrows to those whose pool, process or kind holds
/// it. `keys` are those of the rows, in their order; before, those shown last: small changes leave
/// their order as it is. Rows are made of the first `most` alone, `keys` has all.
TreeNodes poolRows(const SessionStore& store, const QString& filter, std::vector<PoolKey>& keys,
                   std::size_t most = std::numeric_limits<std::size_t>::max());

/// What a pool says of itself, as captions and values; "not reported" where it does not.
using PoolFacts = std::vector<std::pair<QString, QString>>;
PoolFacts stateFacts(const Pool& pool);
PoolFacts timeFacts(const Pool& pool);
/// In its own names, as it told them.
PoolFacts configurationFacts(const Pool& pool);

/// Rows of two lines; the used column is a bar with its number.
class PoolRowDelegate : public RowDelegate
{
    Q_OBJECT
public:
    using RowDelegate::RowDelegate;
    static int height();
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

} // namespace poolscope
