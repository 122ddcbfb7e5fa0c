"""What makes documents: the report as HTML, LaTeX, Markdown, PDF."""
