#pragma once

#include <sinter/sinter.h>

#include <cstdint>
#include <string>

#include "examples/image_classifier/model.h"

namespace image_classifier {

// Images in memory, [rows,channels,height,width] between 0 and 1, and their classes.
struct Images {
  sinter::Array pixels;  // f32
  sinter::Array labels;  // i32 [rows]
  int64_t classes = 0;   // the largest label, and one

  int64_t count() const { return labels.size(); }
  ImageSize size() const;
  Images rows(int64_t first, int64_t count) const;
};

// IDX or npy files, by their endings: images [rows,height,width] or [rows,channels,height,width] of any
// numbers from 0 on, of which the largest becomes 1. Throws sinter::Error where they do not go together.
Images read_images(const std::string& images, const std::string& labels);

// Turns, slants, stretches and moves each image of a batch a little, and makes its lines bolder or finer,
// anew for each seed: by up to 14 degrees, 9 degrees, a seventh of its size, 1.2 pixels of eight, and a power
// of 1.5.
void distort(sinter::Array& pixels, uint64_t seed);

}  // namespace image_classifier
