#pragma once

#include <sinter/error.h>

#include <utility>

#include "ir/error.h"
#include "runtime/error.h"

namespace sinter {

// What `body` gives; the exceptions of the layers below become the public one.
template <typename F>
decltype(auto) translated(F&& body) {
  try {
    return std::forward<F>(body)();
  } catch (const GraphError& error) {
    throw Error(error.what());
  } catch (const RuntimeError& error) {
    throw Error(error.what());
  } catch (const InternalError& error) {
    throw Error(std::string("internal error: ") + error.what(), Error::Kind::internal);
  }
}

}  // namespace sinter
