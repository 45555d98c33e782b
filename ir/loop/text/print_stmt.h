#pragma once

#include <string>

#include "ir/loop/stmt.h"
#include "ir/loop/text/names.h"

namespace sinter::loop {

// With the names of what is in scope around it.
std::string print(const Stmt& stmt, Names& names);

}  // namespace sinter::loop
