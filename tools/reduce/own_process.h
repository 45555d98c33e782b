#pragma once

#include <functional>
#include <string>

namespace sinter::tools {

// Does the work in a process of its own, which may crash, and tells what it writes to the descriptor that it
// is given, line by line; the process is ended where it writes nothing for so many seconds. The way it ended,
// "" where it is well: "ends by signal 11", "exits with 1", "takes more than 60 s". To be called where there
// is one thread.
std::string in_own_process(const std::function<void(int to)>& work,
                           const std::function<void(const std::string& line)>& heard, int patience);

}  // namespace sinter::tools
