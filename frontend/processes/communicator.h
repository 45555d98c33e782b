#pragma once

#include <sinter/processes/communicator.h>

#include "runtime/collectives/communicator.h"

namespace sinter {

struct SINTER_INTERNAL Communicator::State {
  runtime::Communicator communicator;
};

}  // namespace sinter
