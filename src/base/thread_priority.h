// SPDX-License-Identifier: Apache-2.0
//
// Which of the process's threads give way to the others when the processors are busy.
#pragma once

namespace daypart {

/// This thread, and those that it starts from now on, run when the process's other threads leave
/// room: about a tenth of a processor is theirs even if none does. For work that nobody waits for,
/// beside work that somebody does. Cannot be taken back. Does nothing where the system refuses.
void GiveWayToOtherThreads();

}  // namespace daypart
