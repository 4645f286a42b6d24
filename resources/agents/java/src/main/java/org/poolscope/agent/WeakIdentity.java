// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.function.Consumer;

/**
 * From objects, by identity, to values; the objects are not kept alive. Not for several threads at
 * once; values must not refer to the objects.
 */
final class WeakIdentity<V> {
    private static final class Entry<V> extends WeakReference<Object> {
        final int hash;
        final V value;
        Entry<V> next;

        Entry(Object key, int hash, V value, ReferenceQueue<Object> queue, Entry<V> next) {
            super(key, queue);
            this.hash = hash;
            this.value = value;
            this.next = next;
        }
    }

    private final ReferenceQueue<Object> collected = new ReferenceQueue<>();
    private Entry<V>[] table = newTable(16);
    private int size;

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static <V> Entry<V>[] newTable(int length) {
        return (Entry<V>[]) new Entry[length];
    }

    private static int hashOf(Object key) {
        int hash = System.identityHashCode(key);
        return hash ^ hash >>> 16;
    }

    V get(Object key) {
        int hash = hashOf(key);
        for (Entry<V> e = table[hash & table.length - 1]; e != null; e = e.next) {
            if (e.hash == hash && e.refersTo(key)) {
                return e.value;
            }
        }
        return null;
    }

    /** The key must not be there yet. */
    void put(Object key, V value) {
        if (size >= table.length) {
            grow();
        }
        int hash = hashOf(key);
        int place = hash & table.length - 1;
        table[place] = new Entry<>(key, hash, value, collected, table[place]);
        size++;
    }

    void remove(Object key) {
        int hash = hashOf(key);
        for (Entry<V> e = table[hash & table.length - 1]; e != null; e = e.next) {
            if (e.refersTo(key)) {
                unlink(e);
                return;
            }
        }
    }

    /** Takes out those whose object was collected. */
    void expunge(Consumer<V> each) {
        for (Object dead = collected.poll(); dead != null; dead = collected.poll()) {
            @SuppressWarnings("unchecked")
            Entry<V> entry = (Entry<V>) dead;
            if (unlink(entry)) {
                each.accept(entry.value);
            }
        }
    }

    private boolean unlink(Entry<V> entry) {
        int place = entry.hash & table.length - 1;
        Entry<V> before = null;
        for (Entry<V> e = table[place]; e != null; before = e, e = e.next) {
            if (e == entry) {
                if (before == null) {
                    table[place] = e.next;
                } else {
                    before.next = e.next;
                }
                size--;
                return true;
            }
        }
        return false;
    }

    private void grow() {
        Entry<V>[] larger = newTable(table.length * 2);
        for (Entry<V> head : table) {
            for (Entry<V> e = head; e != null; ) {
                Entry<V> next = e.next;
                int place = e.hash & larger.length - 1;
                e.next = larger[place];
                larger[place] = e;
                e = next;
            }
        }
        table = larger;
    }
}
