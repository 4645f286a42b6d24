// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/sourcethread.h"

#include <openssl/crypto.h>

namespace poolscope {

void SourceThread::run()
{
    exec();
    OPENSSL_thread_stop();
}

} // namespace poolscope
