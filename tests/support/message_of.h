#pragma once

#include <stdexcept>
#include <string>

namespace sinter {

// What the error for users (Error, GraphError, RuntimeError) says that `action` throws; "" where it throws
// none.
template <typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace sinter
