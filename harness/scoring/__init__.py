"""From text to scores: readers (text → letter), subtitles, aggregation."""
