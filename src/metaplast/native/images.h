// An image of a convolution: its sizes, its margins, its events, and how work on it is cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "lanes.h"
#include "pieces.h"

namespace {

constexpr int64_t kBlock = kVectors * kLanes;  // target channels that are summed at once
constexpr double kSparse = 0.4;                // below this share of non-zero inputs, events are quicker: measured

struct Event {
  int32_t from;
  float value;
};

// Sizes of one call. `height` and `width` are those of the image after dilation and padding, as far as it is read.
struct Geometry {
  int64_t images, source_height, source_width, source, rows, columns, target, target_height, target_width;
  int64_t stride, dilation, top, left;
  int64_t height() const { return (target_height - 1) * stride + rows; }
  int64_t width() const { return (target_width - 1) * stride + columns; }
  int64_t span() const { return columns * source; }  // of one kernel row
  int64_t patch() const { return rows * span(); }
  int64_t blocks() const { return pieces_of(target, kBlock); }
  int64_t channels(int64_t block) const { return std::min(kBlock, target - block * kBlock); }
};

typedef std::vector<float> Floats;

// One image with its margins, from its place in the batch; returns how many of its numbers are not zero.
int64_t pad(Floats& image, const Geometry& g, const float* from) {
  image.assign(g.height() * g.width() * g.source, 0.0f);
  int64_t active = 0;
  for (int64_t y = 0; y < g.source_height; ++y) {
    const int64_t row = g.top + y * g.dilation;
    if (row < 0 || row >= g.height()) continue;
    for (int64_t x = 0; x < g.source_width; ++x) {
      const int64_t column = g.left + x * g.dilation;
      if (column < 0 || column >= g.width()) continue;
      const float* values = from + (y * g.source_width + x) * g.source;
      float* to = &image[(row * g.width() + column) * g.source];
      for (int64_t c = 0; c < g.source; ++c) to[c] = values[c], active += values[c] != 0.0f;
    }
  }
  return active;
}

bool is_sparse(int64_t active, const Geometry& g) {
  return active < kSparse * g.source_height * g.source_width * g.source;
}

// Rows of `width` numbers as rows of kBlock, with zeros behind the last one.
void pack(float* to, const float* from, int64_t count, int64_t step, int64_t width) {
  for (int64_t row = 0; row < count; ++row, to += kBlock, from += step) {
    std::copy(from, from + width, to);
    std::fill(to + width, to + kBlock, 0.0f);
  }
}

void unpack(float* to, const Lanes* sum, int64_t width) {
  if (width == kBlock)
    for (int v = 0; v < kVectors; ++v) at(to + v * kLanes) = sum[v];
  else
    std::copy(reinterpret_cast<const float*>(sum), reinterpret_cast<const float*>(sum) + width, to);
}

// `action` with the number of vectors that `channels` need, and with a small count, both known to the compiler.
template <typename Action>
void with_vectors(int64_t channels, const Action& action) {
  static_assert(kVectors <= 4);
  switch (pieces_of(channels, kLanes)) {
    case 1: return action(std::integral_constant<int, 1>());
    case 2: return action(std::integral_constant<int, std::min(2, kVectors)>());
    case 3: return action(std::integral_constant<int, std::min(3, kVectors)>());
    default: return action(std::integral_constant<int, kVectors>());
  }
}

template <typename Action>
void with_count(int64_t count, const Action& action) {
  static_assert(kPixels == 6);
  switch (count) {
    case 1: return action(std::integral_constant<int, 1>());
    case 2: return action(std::integral_constant<int, 2>());
    case 3: return action(std::integral_constant<int, 3>());
    case 4: return action(std::integral_constant<int, 4>());
    case 5: return action(std::integral_constant<int, 5>());
    default: return action(std::integral_constant<int, 6>());
  }
}

// Cuts `total` into even parts of at most kPixels.
template <typename Action>
void in_parts(int64_t total, const Action& action) {
  const int64_t parts = pieces_of(total, kPixels);
  for (int64_t part = 0, begin = 0; part < parts; ++part) {
    const int64_t end = total * (part + 1) / parts;
    action(begin, end - begin);
    begin = end;
  }
}

// Events of an image in order; those of a pixel are start[pixel] to start[pixel + 1], their place counts in its row.
void list_by_pixel(std::vector<Event>& events, std::vector<int64_t>& start, const Floats& image, const Geometry& g) {
  events.resize(image.size() + 1);
  start.resize(g.height() * g.width() + 1);
  int64_t count = 0;
  for (int64_t pixel = 0; pixel < g.height() * g.width(); ++pixel) {
    start[pixel] = count;
    const float* values = &image[pixel * g.source];
    const int64_t place = pixel % g.width() * g.source;
    for (int64_t c = 0; c < g.source; ++c) {
      events[count] = {static_cast<int32_t>(place + c), values[c]};
      count += values[c] != 0.0f;
    }
  }
  start.back() = count;
}

// Events of an image by channel; their place is the pixel in a cotangent of `width` columns.
void list_by_channel(std::vector<Event>& events, std::vector<int64_t>& start, const Floats& image, const Geometry& g,
                     int64_t width) {
  start.assign(g.source + 1, 0);
  for (size_t place = 0; place < image.size(); place += g.source)
    for (int64_t c = 0; c < g.source; ++c) start[c + 1] += image[place + c] != 0.0f;
  for (int64_t c = 0; c < g.source; ++c) start[c + 1] += start[c];
  events.resize(start[g.source]);
  std::vector<int64_t> next(start.begin(), start.end() - 1);
  for (int64_t y = 0; y < g.height(); ++y)
    for (int64_t x = 0; x < g.width(); ++x) {
      const float* values = &image[(y * g.width() + x) * g.source];
      for (int64_t c = 0; c < g.source; ++c)
        if (values[c] != 0.0f) events[next[c]++] = {static_cast<int32_t>(y * width + x), values[c]};
    }
}

// Memory of one piece of work, used again for each of its images.
struct Scratch {
  Floats image, post;
  std::vector<Event> events;
  std::vector<int64_t> start;
};

}  // namespace
