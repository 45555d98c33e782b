#pragma once

// The whole of Sinter's interface. docs/dsl.md is the guide to it.
#include <sinter/array.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/error.h>
#include <sinter/extent.h>
#include <sinter/functional.h>
#include <sinter/indexing.h>
#include <sinter/losses.h>
#include <sinter/nn/attention.h>
#include <sinter/nn/layers.h>
#include <sinter/nn/module.h>
#include <sinter/nn/windows.h>
#include <sinter/parameters.h>
#include <sinter/program.h>
#include <sinter/reductions.h>
#include <sinter/session.h>
#include <sinter/sources.h>
#include <sinter/tensor.h>
#include <sinter/training/learning_rate.h>
#include <sinter/training/optimizer.h>
#include <sinter/training/optimizers.h>
#include <sinter/types.h>
#include <sinter/variable.h>
#include <sinter/views.h>
