// Which message follows which: a conversation whose questions were edited or answered again is a tree of messages, and
// what is shown is one branch of it. Hostile or damaged parents (of another conversation, newer than their child) count as
// none, so that nothing loops.
//
//     tree.add(1, 0); tree.add(2, 1); tree.add(3, 1);   // 3 was written in the place of 2
//     tree.branchTo(3) == {1, 3};  tree.versionsOf(3) == {2, 3}
#pragma once

#include <QHash>
#include <QVector>

namespace facet::store {

class MessageTree {
public:
    // In ascending order of ids.
    void add(qint64 id, qint64 parent);

    // From the first message to `last`; to the newest one if there is no `last`.
    QVector<qint64> branchTo(qint64 last) const;
    // The same, and on from `id` to its newest child, grandchild, ...
    QVector<qint64> branchThrough(qint64 id) const;
    // It and its siblings, oldest first; empty if it has none.
    QVector<qint64> versionsOf(qint64 id) const;

private:
    QHash<qint64, qint64> m_parents;
    QHash<qint64, QVector<qint64>> m_children;
    qint64 m_newest = 0;
};

} // namespace facet::store
